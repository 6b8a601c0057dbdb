// Small charts as SVG: bars or a line over a few dozen points. The same figures are in a table below, for those who can't
// see them or want to read them.

import { general } from '../words/general.ts';
import { numberText, useWords } from '../words/words.ts';

export interface Point {
  /** What stands below it, such as a time of day. */
  label: string;
  value: number;
}

const WIDTH = 600;
const HEIGHT = 120;

/** `unit`: of the values, such as ms. */
export function Chart(props: { title: string; points: readonly Point[]; kind?: 'bars' | 'line'; unit?: string }) {
  const { title, points, kind = 'bars', unit = '' } = props;
  const words = useWords(general);
  const highest = Math.max(...points.map(({ value }) => value), 0);
  const step = WIDTH / Math.max(points.length, 1);
  const heightOf = (value: number): number => (highest === 0 ? 0 : (value / highest) * (HEIGHT - 4));
  const withUnit = (value: number): string => `${numberText(value, { maximumFractionDigits: 2 })}${unit && ` ${unit}`}`;
  const line = points
    .map(({ value }, index) => `${(index + 0.5) * step},${(HEIGHT - heightOf(value)).toFixed(1)}`)
    .join(' ');
  return (
    <figure class="chart">
      <figcaption>
        {title} <span class="muted">≤ {withUnit(highest)}</span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={title}>
        {kind === 'line' ? (
          <polyline points={line} vector-effect="non-scaling-stroke" />
        ) : (
          points.map(({ label, value }, index) => (
            <rect
              key={label}
              x={index * step + step * 0.1}
              y={HEIGHT - heightOf(value)}
              width={step * 0.8}
              height={heightOf(value)}
            >
              <title>{`${label}: ${withUnit(value)}`}</title>
            </rect>
          ))
        )}
      </svg>
      <details>
        <summary>{words.chartTable}</summary>
        <table>
          <caption class="unseen">{title}</caption>
          <thead>
            <tr>
              <th scope="col">{words.time}</th>
              <th scope="col" class="numeric">
                {words.value}
              </th>
            </tr>
          </thead>
          <tbody>
            {points.map(({ label, value }) => (
              <tr key={label}>
                <td>{label}</td>
                <td class="numeric">{withUnit(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}
