"""HTTP: the server and the application that hands requests to the dispatcher."""
