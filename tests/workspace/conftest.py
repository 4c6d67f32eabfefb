from __future__ import annotations

import pytest
from django.test import Client
from tests.world import World, make_world


@pytest.fixture
def world(db: None, data_dir: object) -> World:
    return make_world()


@pytest.fixture
def ada(world: World, client: Client) -> Client:
    """Ada's browser: an agent, English."""
    client.force_login(world.ada)
    return client


@pytest.fixture
def bruno(world: World) -> Client:
    """Bruno's browser: an admin, German."""
    browser = Client()
    browser.force_login(world.bruno)
    return browser
