"""Extra links of the DataWorks provider."""
