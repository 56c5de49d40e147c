/** Registers the media-chrome elements in use and gives them our words. */
import 'media-chrome/dist/media-controller.js';
import 'media-chrome/dist/media-play-button.js';
import 'media-chrome/dist/media-mute-button.js';
import 'media-chrome/dist/media-volume-range.js';
import 'media-chrome/dist/media-pip-button.js';
import 'media-chrome/dist/media-captions-button.js';
import 'media-chrome/dist/media-fullscreen-button.js';
import { addTranslation, setLanguage } from 'media-chrome/dist/utils/i18n.js';
import { LOCALE, t } from '../text/text.ts';

export function nameMediaControls(): void {
  const [play, pause, mute, unmute] = [t('watch.play'), t('watch.pause'), t('watch.mute'), t('watch.unmute')];
  addTranslation(LOCALE, {
    play,
    pause,
    mute,
    unmute,
    Play: play,
    Pause: pause,
    Mute: mute,
    Unmute: unmute,
    volume: t('watch.volume'),
    'Enter fullscreen mode': t('watch.fullscreen'),
    'enter fullscreen mode': t('watch.fullscreen'),
    'Exit fullscreen mode': t('watch.fullscreen.leave'),
    'exit fullscreen mode': t('watch.fullscreen.leave'),
    'Enter picture in picture mode': t('watch.pip'),
    'enter picture in picture mode': t('watch.pip'),
    'Exit picture in picture mode': t('watch.pip'),
    'exit picture in picture mode': t('watch.pip'),
    Captions: t('watch.captions'),
    'closed captions': t('watch.captions'),
    'Enable captions': t('watch.captions'),
    'Disable captions': t('watch.captions'),
  });
  setLanguage(LOCALE);
}
