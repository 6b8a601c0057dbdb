// The way from the sign-in page to an identity provider, in a browser; what comes of it is in test/api/oidc.test.ts.

import { expect, it } from 'vitest';
import { describeConsole, expectAccessible } from './support/console.ts';

describeConsole(
  'the sign-in page with OIDC',
  (tem) => {
    it('leads to the provider and back to the same page, and says so when the provider is away', async () => {
      const page = await tem().open('/events?state=FAILED', { as: null, expectedErrors: /503/ });
      const link = page.getByRole('link', { name: 'Sign in with your organisation' });
      const back = encodeURIComponent('/console/events?state=FAILED');
      expect(await link.getAttribute('href')).toBe(`/console/sign-in/oidc?return=${back}`);
      await expectAccessible(page);
      await link.click();
      await page.getByText('The identity provider does not answer.').waitFor();
      await expectAccessible(page);
    });
  },
  {
    TEM_PUBLIC_URL: 'http://127.0.0.1:1',
    // Nobody listens there.
    TEM_OIDC_ISSUER: 'http://127.0.0.1:1',
    TEM_OIDC_CLIENT_ID: 'tem',
    TEM_OIDC_CLIENT_SECRET: 'secret',
    TEM_OIDC_ROLES: 'staff=viewer',
  },
);
