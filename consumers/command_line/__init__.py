"""The commands of the room: match, cluster, assess, backtest, library."""
