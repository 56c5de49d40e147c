"""For tests: OpenStack Swift with its S3 door, all its servers in this one process, in a folder of their own. Writes its port."""
import os
import sys
import types

from swift.common import utils

folder = sys.argv[1]
utils.SWIFT_CONF_FILE = os.path.join(folder, "swift.conf")
with open(utils.SWIFT_CONF_FILE, "w") as conf:
    conf.write("[swift-hash]\nswift_hash_path_suffix = tests\nswift_hash_path_prefix = tests\n[storage-policy:0]\nname = only\ndefault = yes\n")
utils.validate_configuration()

import eventlet  # noqa: E402

eventlet.patcher.monkey_patch(all=False, socket=True, select=True, thread=True)
from eventlet import listen, wsgi  # noqa: E402
from swift.common.http_protocol import SwiftHttpProtocol  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402

DEVICE = "disk"
os.makedirs(os.path.join(folder, "devices", DEVICE))


class Memory:
    """In place of memcached, which the sign-in asks for."""

    def __init__(self):
        self.kept = {}

    def get(self, key, **_):
        return self.kept.get(key)

    def set(self, key, value, **_):
        self.kept[key] = value

    def delete(self, key, **_):
        self.kept.pop(key, None)

    def incr(self, key, delta=1, **_):
        self.kept[key] = self.kept.get(key, 0) + delta
        return self.kept[key]


def memory_filter(_global_conf, **_local_conf):
    memory = Memory()

    def build(app):
        def call(environ, start_response):
            environ["swift.cache"] = memory
            return app(environ, start_response)

        return call

    return build


parts = types.ModuleType("millrace_parts")
parts.memory_filter = memory_filter
sys.modules["millrace_parts"] = parts

COMMON = f"[DEFAULT]\nswift_dir = {folder}\ndevices = {folder}/devices\nmount_check = false\nlog_level = ERROR\n"


def serve(name, port, text):
    path = os.path.join(folder, f"{name}.conf")
    with open(path, "w") as conf:
        conf.write(COMMON + text)
    app = loadapp(path)
    wsgi.server(port, app, open(os.devnull, "w"), protocol=SwiftHttpProtocol)


ports = {name: listen(("127.0.0.1", 0)) for name in ("account", "container", "object", "proxy")}
for name in ("account", "container", "object"):
    builder = RingBuilder(1, 1, 1)
    builder.add_dev({"region": 1, "zone": 1, "weight": 1, "ip": "127.0.0.1", "port": ports[name].getsockname()[1], "device": DEVICE})
    builder.rebalance()
    builder.get_ring().save(os.path.join(folder, f"{name}.ring.gz"))
    text = f"[pipeline:main]\npipeline = {name}-server\n[app:{name}-server]\nuse = egg:swift#{name}\n"
    eventlet.spawn(serve, name, ports[name], text)

proxy = """[pipeline:main]
pipeline = catch_errors gatekeeper memory listing_formats bulk s3api tempauth slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:memory]
paste.filter_factory = millrace_parts:memory_filter
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_tests_recorder = a-secret-of-tests .admin
[filter:slo]
use = egg:swift#slo
"""
eventlet.spawn(serve, "proxy", ports["proxy"], proxy)
print(ports["proxy"].getsockname()[1], flush=True)
while True:
    eventlet.sleep(3600)
