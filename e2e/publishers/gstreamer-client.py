"""
A WHIP publisher or WHEP viewer on GStreamer's webrtcbin. What it sends flashes white and beeps at each full second, exact to the
sample; of what it plays it prints when flashes and beeps begin, in ns of one clock, as its own lip sync has put them.
"""
import argparse
import json
import math
import struct
import sys
import threading
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC

WIDTH, HEIGHT, FPS = 320, 180, 30
RATE, FRAME = 48000, 960
# How long light and sound last: three frames.
FLASH_SECONDS = 0.1

ENCODERS = {
    "H264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 bitrate=500 ! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 aggregate-mode=zero-latency",
    "VP8": "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=30 target-bitrate=500000 ! rtpvp8pay",
}
DECODERS = {
    "H264": "rtph264depay ! h264parse ! avdec_h264",
    "VP8": "rtpvp8depay ! vp8dec",
    "OPUS": "rtpopusdepay ! opusdec plc=true",
}


def say(**event):
    # One write: the threads of picture and sound would mix their lines otherwise.
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def post(url, token, sdp):
    headers = {"Content-Type": "application/sdp"}
    if token:
        headers["Authorization"] = "Bearer " + token
    request = urllib.request.Request(url, data=sdp.encode(), headers=headers, method="POST")
    with urllib.request.urlopen(request) as response:
        return response.read().decode()


class Caller:
    """Offers with all candidates, as a client without trickling does. Made before the element runs."""

    def __init__(self, webrtc):
        self.webrtc = webrtc
        self.ready = threading.Event()
        self.gathered = threading.Event()
        # Left to itself, libnice has no address that the loopback interface of a test could be reached from.
        # (Kept: letting go of it would take it from the element as well.)
        self.ice = webrtc.get_property("ice-agent")
        self.ice.emit("add-local-ip-address", "127.0.0.1")
        # Before this an offer would lack the media whose formats are not known yet.
        webrtc.connect("on-negotiation-needed", lambda _: self.ready.set())
        webrtc.connect("notify::ice-gathering-state", self.looked)

    def looked(self, webrtc, _):
        if webrtc.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            self.gathered.set()

    def created(self, promise, _):
        # The description lives no longer than the reply.
        reply = promise.get_reply()
        self.webrtc.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

    def call(self, url, token):
        self.await_event(self.ready, "formats")
        self.webrtc.emit("create-offer", None, Gst.Promise.new_with_change_func(self.created, None))
        self.await_event(self.gathered, "candidates")
        answer = post(url, token, self.webrtc.get_property("local-description").sdp.as_text())
        message = GstSdp.SDPMessage.new_from_text(answer)[1]
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self.webrtc.emit("set-remote-description", description, Gst.Promise.new())

    @staticmethod
    def await_event(event, what):
        if not event.wait(20):
            sys.exit("waited 20 s for " + what)


def feed(source, make, step):
    """Fills a source for ever; it takes a few buffers ahead and then waits."""
    number = 0
    while True:
        buffer = Gst.Buffer.new_wrapped(make(number))
        buffer.pts = Gst.util_uint64_scale(number, Gst.SECOND * step[0], step[1])
        buffer.duration = Gst.util_uint64_scale(1, Gst.SECOND * step[0], step[1])
        if source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
            return
        number += 1


def is_on(number, units_a_second):
    return number % units_a_second < FLASH_SECONDS * units_a_second


def picture(number):
    luma = 235 if is_on(number, FPS) else 16
    return bytes([luma]) * (WIDTH * HEIGHT) + bytes([128]) * (WIDTH * HEIGHT // 2)


def sound(number):
    first = number * FRAME
    samples = (int(20000 * math.sin(2 * math.pi * 1000 * n / RATE)) if is_on(n, RATE) else 0 for n in range(first, first + FRAME))
    return struct.pack("<%dh" % FRAME, *samples)


def publish(options):
    video_caps = "video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1" % (WIDTH, HEIGHT, FPS)
    audio_caps = "audio/x-raw,format=S16LE,rate=%d,channels=1,layout=interleaved" % RATE
    pipeline = Gst.parse_launch(
        "webrtcbin name=webrtc bundle-policy=max-bundle latency=0 "
        "appsrc name=video is-live=true format=time block=true max-bytes=200000 caps=%s ! clocksync ! queue ! %s pt=96 ! queue ! webrtc. "
        "appsrc name=audio is-live=true format=time block=true max-bytes=4000 caps=%s ! clocksync ! queue ! opusenc ! rtpopuspay pt=97 ! queue ! webrtc."
        % (video_caps, ENCODERS[options.codec], audio_caps)
    )
    webrtc = pipeline.get_by_name("webrtc")
    for index in range(2):
        webrtc.emit("get-transceiver", index).set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
    caller = Caller(webrtc)
    pipeline.set_state(Gst.State.PLAYING)
    for name, make, step in (("video", picture, (1, FPS)), ("audio", sound, (FRAME, RATE))):
        threading.Thread(target=feed, args=(pipeline.get_by_name(name), make, step), daemon=True).start()
    caller.call(options.url, options.token)
    say(state="published")
    return pipeline, caller


class Onset:
    """Tells when something that was off for a while goes on."""

    def __init__(self, name):
        self.name = name
        self.off_since = None

    def see(self, on, at):
        if not on:
            self.off_since = at if self.off_since is None else self.off_since
            return
        if self.off_since is not None and at - self.off_since > Gst.SECOND // 4:
            say(**{self.name: at})
        self.off_since = None


def watch_picture(sink, onset):
    sample = sink.emit("pull-sample")
    found, mapped = sample.get_buffer().map(Gst.MapFlags.READ)
    middle = mapped.data[len(mapped.data) // 3]
    sample.get_buffer().unmap(mapped)
    onset.see(middle > 128, sample.get_segment().to_running_time(Gst.Format.TIME, sample.get_buffer().pts))
    return Gst.FlowReturn.OK


def watch_sound(sink, onset):
    sample = sink.emit("pull-sample")
    found, mapped = sample.get_buffer().map(Gst.MapFlags.READ)
    samples = struct.unpack("<%dh" % (len(mapped.data) // 2), mapped.data)
    sample.get_buffer().unmap(mapped)
    start = sample.get_segment().to_running_time(Gst.Format.TIME, sample.get_buffer().pts)
    for begin in range(0, len(samples), 48):
        onset.see(max(map(abs, samples[begin : begin + 48])) > 3000, start + begin * Gst.SECOND // RATE)
    return Gst.FlowReturn.OK


def play(options):
    pipeline = Gst.Pipeline.new("player")
    webrtc = Gst.parse_launch("webrtcbin bundle-policy=max-bundle latency=200")
    pipeline.add(webrtc)
    # Without these words H.264 means packetization mode 0, in which a frame has to fit into a packet.
    h264 = ",packetization-mode=(string)1,profile-level-id=(string)42e01f,level-asymmetry-allowed=(string)1" if options.codec == "H264" else ""
    offered = (
        "application/x-rtp,media=video,encoding-name=%s,payload=96,clock-rate=90000%s" % (options.codec, h264),
        "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000",
    )
    for caps in offered:
        webrtc.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(caps))

    def added(_, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        form = pad.get_current_caps().get_structure(0)
        codec = form.get_string("encoding-name")
        is_video = form.get_string("media") == "video"
        raw = "videoconvert ! video/x-raw,format=I420" if is_video else "audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=%d,channels=1" % RATE
        branch = Gst.parse_bin_from_description("queue ! %s ! %s ! appsink name=sink sync=false emit-signals=true" % (DECODERS[codec], raw), True)
        onset = Onset("flash" if is_video else "beep")
        branch.get_by_name("sink").connect("new-sample", watch_picture if is_video else watch_sound, onset)
        pipeline.add(branch)
        branch.sync_state_with_parent()
        pad.link(branch.get_static_pad("sink"))
        say(state="receives", codec=codec)

    webrtc.connect("pad-added", added)
    caller = Caller(webrtc)
    pipeline.set_state(Gst.State.PLAYING)
    caller.call(options.url, options.token)
    return pipeline, caller


parser = argparse.ArgumentParser()
parser.add_argument("role", choices=["publish", "play"])
parser.add_argument("url")
parser.add_argument("--token")
parser.add_argument("--codec", choices=["H264", "VP8"], default="H264")
options = parser.parse_args()
Gst.init(None)
pipeline, caller = publish(options) if options.role == "publish" else play(options)
ended = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.ERROR | Gst.MessageType.EOS)
if ended.type == Gst.MessageType.ERROR:
    sys.exit(str(ended.parse_error()))
