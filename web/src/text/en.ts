/** Every English sentence of the pages. `{name}` stands for what the page fills in; `one` and `other` are chosen by `count`. */
import { app } from './en/app.ts';
import { choose } from './en/choose.ts';
import { conversions } from './en/conversions.ts';
import { device } from './en/device.ts';
import { forward } from './en/forward.ts';
import { home } from './en/home.ts';
import { library } from './en/library.ts';
import { settings } from './en/settings.ts';
import { share } from './en/share.ts';
import { source } from './en/source.ts';
import { studio } from './en/studio.ts';
import { trust } from './en/trust.ts';
import { warnings } from './en/warnings.ts';
import { watch } from './en/watch.ts';

export const en = {
  ...app,
  ...home,
  ...choose,
  ...studio,
  ...source,
  ...forward,
  ...device,
  ...warnings,
  ...conversions,
  ...share,
  ...watch,
  ...library,
  ...settings,
  ...trust,
};
