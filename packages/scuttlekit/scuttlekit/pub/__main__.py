"""`python -m scuttlekit.pub CONFIG.json`: a pub, until it is told to stop."""

import sys


def main() -> None:
    """Run the pub that the configuration describes, and end the process with the code that says why."""
    from scuttlekit.pub.config import read_config
    from scuttlekit.pub.log import end

    try:
        config = read_config(sys.argv[1:])
        from scuttlekit.pub.running import run

        run(config)
    except Exception as error:  # noqa: BLE001 - whatever ends a pub is told in its log
        end(error)


if __name__ == "__main__":
    main()
