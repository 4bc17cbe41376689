"""Entry point: servers and the `flask` command load `app:create_app()`; `python app.py` runs the demo."""

from invite_site import create_app

__all__ = ["create_app"]

if __name__ == "__main__":
    from invite_site.demo import main

    main()
