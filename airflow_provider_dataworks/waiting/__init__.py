"""Waiting: one way for every kind of thing that is started, polled, stopped and waited for."""
