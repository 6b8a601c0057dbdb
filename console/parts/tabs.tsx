// The pages of one feature beside each other, the present one marked.

import { href, useAddress } from '../shell/router.ts';

export function Tabs({ label, tabs }: { label: string; tabs: readonly (readonly [name: string, path: string])[] }) {
  const { path } = useAddress();
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(([name, to]) => (
        <a key={to} href={href(to)} aria-current={path === to ? 'page' : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}
