"""What this process does, counted and traced for who runs it: nothing of it is about anybody.

Without METRICS_FOLDER nothing is counted, and without OTEL_EXPORTER_OTLP_ENDPOINT nothing is
traced; then each costs the look at a variable.
"""
