"""What all tests share."""

from hypothesis import settings

# The same examples on every run: a red test is red for everyone. No deadline: machines differ, rules do not.
settings.register_profile("gatekeeper", derandomize=True, deadline=None, max_examples=100, database=None)
settings.load_profile("gatekeeper")
