/** Writes the pages of docs/errors from the registry. tools/generate.ts stores them. */
import { ERROR_CODES, ERRORS, type ErrorCode } from './errors.ts';
import type { Route } from './rest/route.ts';
import { ROUTES } from './rest/routes.ts';

const RETRY_SENTENCES = {
  never: 'The same request will not succeed later.',
  later: 'The same request may succeed later.',
  'after-fixing': 'The request may succeed once it is put right.',
} as const;

/** File name to text, for every code and the index. */
export function writeErrorPages(): ReadonlyMap<string, string> {
  const pages = new Map<string, string>([['README.md', index()]]);
  for (const code of ERROR_CODES) pages.set(`${code}.md`, page(code));
  return pages;
}

function index(): string {
  const rows = ERROR_CODES.map((code) => `| [\`${code}\`](${code}.md) | ${ERRORS[code].status} | ${ERRORS[code].title} |`);
  return [
    '# Errors',
    '',
    'Every failure of the API is a problem document (RFC 9457) whose `code` is one of these. A running server lists them at',
    '`/api/v1/errors`. A socket that is refused closes with 4000 + the status.',
    '',
    '| code | status | what people read |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function page(code: ErrorCode): string {
  const { status, title, retry, remedy } = ERRORS[code];
  const routes = Object.values<Route>(ROUTES).filter((route) => route.errors.includes(code));
  const calls = routes.map((route) => `- \`${route.method.toUpperCase()} ${route.path}\``);
  return [
    `# \`${code}\``,
    '',
    `> ${title}`,
    '',
    `HTTP ${status}, socket close code ${4000 + status}. ${RETRY_SENTENCES[retry]}`,
    '',
    remedy,
    '',
    ...(calls.length > 0 ? ['Answered by:', '', ...calls, ''] : []),
  ].join('\n');
}
