"""The monitor keeps one connection to each bot and writes down what it sees there."""
