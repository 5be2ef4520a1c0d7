"""The actions of the API as data, a module for each API version."""
