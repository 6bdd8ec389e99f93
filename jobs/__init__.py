"""Work outside requests: the relay from outbox to queue, the worker, one small file a job."""
