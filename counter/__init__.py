"""The staff side: calling, counters, balance, figures and the timed passes."""
