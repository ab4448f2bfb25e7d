"""Print the comparison with the installed peers: `python -m docs.peers`."""

from docs.peers.tables import measured, written

if __name__ == "__main__":
    print("\n".join(written(measured())))
