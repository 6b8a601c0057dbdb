// Fields with their labels, and the filters of a list, which live in the address.

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { useQuery } from '../shell/router.ts';
import { general } from '../words/general.ts';
import { useWords } from '../words/words.ts';

export interface Choice {
  value: string;
  label: string;
}

/** A label above what it names; `hint` below it. */
export function Field({
  label,
  hint,
  children,
}: {
  label: string;
  hint?: ComponentChildren;
  children(id: string, hintId: string | undefined): ComponentChildren;
}) {
  const id = useId();
  const hintId = hint ? `${id}-hint` : undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id, hintId)}
      {hint && (
        <p id={hintId} class="muted">
          {hint}
        </p>
      )}
    </div>
  );
}

export function TextField(props: {
  label: string;
  name: string;
  hint?: ComponentChildren;
  value?: string | undefined;
  type?: 'text' | 'number';
  required?: boolean;
  min?: number;
  max?: number;
  placeholder?: string;
  maxLength?: number;
}) {
  const { label, hint, value, type = 'text', ...further } = props;
  return (
    <Field label={label} hint={hint}>
      {(id, hintId) => (
        <input
          id={id}
          type={type as 'text'}
          defaultValue={value ?? ''}
          aria-describedby={hintId}
          autocomplete="off"
          {...further}
        />
      )}
    </Field>
  );
}

export function ChoiceField(props: { label: string; name: string; value?: string; choices: readonly Choice[] }) {
  const { label, value, choices, name } = props;
  return (
    <Field label={label}>
      {(id) => (
        <select id={id} name={name}>
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value} selected={choice.value === value}>
              {choice.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** JSON or SQL as it was typed: nothing here reads or rewrites it. */
export function CodeField(props: {
  label: string;
  name: string;
  hint?: ComponentChildren;
  value?: string;
  rows?: number;
}) {
  const { label, name, hint, value, rows = 12 } = props;
  return (
    <Field label={label} hint={hint}>
      {(id, hintId) => (
        <textarea
          id={id}
          name={name}
          rows={rows}
          class="code"
          spellcheck={false}
          autocomplete="off"
          aria-describedby={hintId}
          defaultValue={value ?? ''}
        />
      )}
    </Field>
  );
}

export interface Filter {
  /** Its name in the address. */
  name: string;
  label: string;
  /** Given: one of these, or all. Else a text. */
  choices?: readonly Choice[];
  placeholder?: string;
  /** Where `/` goes. One of a page. */
  search?: boolean;
  wide?: boolean;
  /** Folded away with others until somebody asks for them or one of them is set. */
  more?: boolean;
}

/** The filters of a list. They count when Enter is pressed or a choice is made, and are then in the address. */
export function Filters({ filters, children }: { filters: readonly Filter[]; children?: ComponentChildren }) {
  const words = useWords(general);
  const [query, change] = useQuery();
  const names = filters.map(({ name }) => name);
  const isSet = names.some((name) => query[name]);
  const folded = filters.filter(({ more }) => more);
  const show = (filter: Filter) => (
    <FilterField key={filter.name} filter={filter} value={query[filter.name]} apply={apply} />
  );
  const apply = (form: HTMLFormElement): void => {
    const given = new FormData(form);
    change(Object.fromEntries(names.map((name) => [name, String(given.get(name) ?? '').trim() || undefined])));
  };
  return (
    <search>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          apply(event.currentTarget);
        }}
      >
        {filters.filter(({ more }) => !more).map(show)}
        {folded.length > 0 && (
          <details open={folded.some(({ name }) => query[name])}>
            <summary>{words.moreFilters}</summary>
            <div class="more">{folded.map(show)}</div>
          </details>
        )}
        {children}
        <div class="filter-actions">
          <button type="submit">{words.filter}</button>
          {isSet && (
            <button
              type="button"
              class="quiet"
              onClick={() => change(Object.fromEntries(names.map((name) => [name, undefined])))}
            >
              {words.clearFilters}
            </button>
          )}
        </div>
      </form>
    </search>
  );
}

function FilterField(props: { filter: Filter; value: string | undefined; apply(form: HTMLFormElement): void }) {
  const { filter, value, apply } = props;
  const { name, label, choices, placeholder, search, wide } = filter;
  const words = useWords(general);
  const input = useRef<HTMLInputElement & HTMLSelectElement>(null);
  // Filters that change elsewhere, such as by going back, show in the fields.
  useEffect(() => {
    if (input.current) input.current.value = value ?? '';
  }, [value]);
  return (
    <div class={wide ? 'field wide' : 'field'}>
      <Field label={label}>
        {(id) =>
          choices ? (
            <select
              ref={input}
              id={id}
              name={name}
              onChange={({ currentTarget }) => currentTarget.form && apply(currentTarget.form)}
            >
              <option value="">{words.all}</option>
              {choices.map((choice) => (
                <option key={choice.value} value={choice.value}>
                  {choice.label}
                </option>
              ))}
            </select>
          ) : (
            <input
              ref={input}
              id={id}
              name={name}
              placeholder={placeholder}
              autocomplete="off"
              data-search={search ? '' : undefined}
            />
          )
        }
      </Field>
    </div>
  );
}
