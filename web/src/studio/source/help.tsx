/** What can be done about a source that does not work, and by whom. */
import type { SourceProblem } from '@millrace/contract/entities/source';
import { type TextKey, t } from '../../text/text.ts';
import classes from './source.module.css';

/** Where the sentence on what went wrong does not say it all. */
const HELP: Readonly<Partial<Record<SourceProblem, TextKey & `source.help.${string}`>>> = {
  address_not_allowed: 'source.help.address_not_allowed',
  source_refused: 'source.help.source_refused',
  source_untrusted: 'source.help.source_untrusted',
  source_unreachable: 'source.help.source_unreachable',
  source_unsupported: 'source.help.source_unsupported',
  media_processes_exhausted: 'source.help.media_processes_exhausted',
};

export function Help({ problem }: { readonly problem: SourceProblem | null }) {
  const key = problem && HELP[problem];
  return key ? <p className={classes.note}>{t(key)}</p> : null;
}
