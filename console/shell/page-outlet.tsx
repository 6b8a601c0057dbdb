// Shows the page that the address names. A page whose code or whose own fault fails says so and leaves the rest in place.

import { Component, type ComponentChildren, type ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { PageEntry, PageProps } from '../page.ts';
import { Empty, Failed, Loading } from '../parts/states.tsx';
import { general } from '../words/general.ts';
import { useWords } from '../words/words.ts';
import { forgetDatabaseTime } from './database-time.tsx';
import { match, useAddress } from './router.ts';

type Loaded = { entry: PageEntry; Page?: ComponentType<PageProps>; error?: Error };

export function PageOutlet({ pages }: { pages: readonly PageEntry[] }) {
  const words = useWords(general);
  const { path } = useAddress();
  const entry = pages.find((each) => match(each.path, path));
  const [loaded, setLoaded] = useState<Loaded>();
  useEffect(() => {
    forgetDatabaseTime();
    if (!entry) return;
    entry.load().then(
      ({ Page }) => setLoaded({ entry, Page }),
      (error: Error) => setLoaded({ entry, error }),
    );
  }, [entry, path]);
  if (!entry) return <Empty title={words.notFound} />;
  if (loaded?.entry !== entry) return <Loading />;
  if (!loaded.Page) return <Failed text={loaded.error?.message ?? ''} again={() => window.location.reload()} />;
  // Another event is another page: nothing of the one before may stay.
  return (
    <Boundary key={path}>
      <loaded.Page params={match(entry.path, path) ?? {}} pages={pages} />
    </Boundary>
  );
}

class Boundary extends Component<{ children?: ComponentChildren }, { error?: Error }> {
  static override getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render() {
    const { error } = this.state;
    return error ? <Failed text={error.message} again={() => this.setState({})} /> : this.props.children;
  }
}
