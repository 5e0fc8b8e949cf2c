"""Limits before dispatch (EIM-013): what they are, how an instruction is measured by them, and what was used of them.

======================  ================================================================================================
file                    what
======================  ================================================================================================
``scopes.py``           the limits themselves, of a strategy, an account and a venue
``worth.py``            what an asset is worth, by the last market data
``measuring.py``        one instruction in figures: notional, price, changes of positions
``judging.py``          instructions together against their limits: the first breach, or none
``use.py``              what was used: the orders of a window, the notional of a day, what may still act
``before_dispatch.py``  all of it in one event of the interface manager: what it asks for, refuses, writes down
======================  ================================================================================================

All but ``before_dispatch.py`` are pure functions over records.
"""
