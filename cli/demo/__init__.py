"""The stand-ins and the demo: one full turn of the whole job."""
