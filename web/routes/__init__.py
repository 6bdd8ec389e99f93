"""One file a resource; every view names its action or says why it is public."""
