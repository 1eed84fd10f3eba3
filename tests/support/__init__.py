"""What several suites share: fakes of the ports, and the world that they stand in."""
