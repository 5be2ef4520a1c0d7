"""Lineage: what tasks read and write, and the OpenLineage events that say so."""
