"""What tasks read and write: read from sync tasks and DI jobs, named, and emitted where OpenLineage is installed."""
