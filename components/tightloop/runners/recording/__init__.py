"""Recording: what each partition of a component is given, and when, is written down; replay feeds it to a fresh one.

======================  ================================================================================================
file                    what
======================  ================================================================================================
``recorder.py``         collects the events of one worker, batch by batch
``parts.py``            a commit's recording as records of the topic ``recordings``, and back
``answer_records.py``   a venue's answers as records, and back
``replay.py``           plays recordings into fresh workers
======================  ================================================================================================
"""
