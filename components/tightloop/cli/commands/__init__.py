"""The commands of ``tightloop``, each in the file of its name. What several share is one folder up."""
