"""A mobile operator in a box: a separate server with its own database and its own books.

It stands for the outside world in demonstrations and tests. Nothing of ours imports it and it
imports nothing of ours; the portal speaks to it over HTTP as to a real operator.
"""
