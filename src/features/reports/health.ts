// What doctor and readyz say of reports: mail that nobody gets, in words, because a report that was made is not yet a mail.

import type { FeatureDependencies } from '../../core/feature.ts';
import type { Finding } from '../../core/health/finding.ts';
import type { ReportSettings } from './settings.ts';

const NAME = 'mail';

export async function mailFindings({ pool, settings }: FeatureDependencies<ReportSettings>): Promise<Finding[]> {
  const { rows } = await pool.query<Record<'made' | 'kept' | 'failed', number>>(
    `select count(*)::int as made, count(*) filter (where state = 'kept')::int as kept,
       count(*) filter (where state in ('failed', 'partial'))::int as failed
     from tem.report_delivery where created_at > now() - interval '1 day'`,
  );
  const { made = 0, kept = 0, failed = 0 } = rows[0] ?? {};
  const problems = [
    ...(kept > 0 ? [`${kept} were kept and not sent${settings.mail ? '' : ': TEM_SMTP_URL is not set'}`] : []),
    ...(failed > 0 ? [`${failed} reached not everybody: see 'tem reports deliveries'`] : []),
  ];
  const detail = `reports of the last day: ${made}${problems.length > 0 ? `, of which ${problems.join('; ')}` : ''}`;
  // Without a mail server reports are kept on purpose.
  const ok = failed === 0 && (kept === 0 || settings.mail === undefined);
  return [{ name: NAME, ok, detail, isWarning: true }];
}
