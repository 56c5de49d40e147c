/** What a bare player page tells the test: on its body, as data attributes. */

/** Counts stalls (waiting after the first playing) and notes errors; gives `fail(text)` and `set(name, value)`. */
export function report(video) {
  const data = document.body.dataset;
  const errors = [];
  let played = false;
  data.stalls = '0';
  data.errors = '';
  data.playing = 'no';
  data.scriptMs = String(performance.now());
  video.addEventListener('playing', () => {
    if (!played) data.firstFrameMs = String(Math.round(performance.now()));
    played = true;
    data.playing = 'yes';
  });
  video.addEventListener('waiting', () => {
    if (played) data.stalls = String(Number(data.stalls) + 1);
  });
  const fail = (text) => {
    errors.push(text);
    data.errors = errors.join(' | ');
  };
  video.addEventListener('error', () => fail(`media element: ${video.error?.message}`));
  return {
    fail,
    set(name, value) {
      data[name] = String(value);
    },
  };
}

/** The address to play, from `?src=`. */
export const source = new URLSearchParams(location.search).get('src');
