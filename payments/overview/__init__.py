"""How things stand at a glance: money, queues, dead letters, what does not agree.

The console's overview, the metrics and the conditions of alerts all read these figures, so that no
two of them count in different ways.
"""
