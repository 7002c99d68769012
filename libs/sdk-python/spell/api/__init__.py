"""The HTTP side of the client: requests, streams, records, exceptions."""
