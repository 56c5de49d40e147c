/** For tests: a camera, as GStreamer’s RTSP server shows one; with TLS, a user and a password where that is asked for. */
import { Program } from '../../../transports/ffmpeg/testing/tools.ts';

export interface CameraOptions {
  /** Certificate and key in one text. Then the user is `user`, and the password `password`. */
  readonly pem?: string;
}

/** Its first line is the port. */
export function camera({ pem = '' }: CameraOptions = {}): Program {
  const pipeline =
    '( videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=30/1 ! x264enc tune=zerolatency key-int-max=30 ! rtph264pay name=pay0 pt=96 audiotestsrc is-live=true ! avenc_aac ! rtpmp4gpay name=pay1 pt=97 )';
  const program = `
import gi
gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0')
from gi.repository import Gst, GstRtspServer, GLib, Gio
import sys
Gst.init(None)
server = GstRtspServer.RTSPServer(); server.set_service('0')
factory = GstRtspServer.RTSPMediaFactory(); factory.set_launch('${pipeline}'); factory.set_shared(True)
if sys.argv[1]:
  auth = GstRtspServer.RTSPAuth(); auth.set_tls_certificate(Gio.TlsCertificate.new_from_pem(sys.argv[1], -1))
  permissions = GstRtspServer.RTSPPermissions()
  for right in ('access', 'construct'): permissions.add_permission_for_role('user', 'media.factory.' + right, True)
  token = GstRtspServer.RTSPToken(); token.set_string('media.factory.role', 'user')
  auth.add_basic(GstRtspServer.RTSPAuth.make_basic('user', 'password'), token)
  factory.set_permissions(permissions); server.set_auth(auth)
server.get_mount_points().add_factory('/camera', factory); server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
`;
  return new Program('/usr/bin/python3', ['-c', program, pem]);
}
