import { describe, expect, test } from 'vitest';
import { writeErrorPages } from './error-pages.ts';
import { closeCodeOf, ERROR_CODES, ERRORS } from './errors.ts';
import type { Route } from './rest/route.ts';
import { ROUTES } from './rest/routes.ts';

describe('the registry of errors', () => {
  test.each(ERROR_CODES)('%s has a status, sentences and a page', (code) => {
    const { status, title, remedy } = ERRORS[code];
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    expect(title).toMatch(/[.?]$/);
    expect(remedy).toMatch(/[.?]$/);
    expect(closeCodeOf(code)).toBe(4000 + status);
    expect(writeErrorPages().get(`${code}.md`)).toContain(title);
    expect(writeErrorPages().get('README.md')).toContain(`(${code}.md)`);
  });

  test('every route that needs an identity says so, and every route with a body what is wrong with one', () => {
    for (const route of Object.values<Route>(ROUTES)) {
      expect([route.id, route.errors.includes('not_authenticated')]).toEqual([route.id, route.auth === 'required']);
      if (route.body) expect(route.errors).toEqual(expect.arrayContaining(['invalid_request', 'body_too_large', 'unsupported_media_type']));
      if (route.query) expect(route.errors).toContain('invalid_request');
      if (route.params) expect(route.errors.some((code) => code.endsWith('not_found'))).toBe(true);
    }
  });
});
