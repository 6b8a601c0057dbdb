// Who may import whom. Each rule's comment is the message that a person sees when it fails, so it says why and what to do.

// Files without I/O, clocks or dependencies of their own, so that a workflow that uses them replays the same.
const PURE = '^src/core/(backoff|duration|errors)\\.ts$';
const WORKFLOW_FILES = '^src/(workflows/|features/[^/]+/workflows(/|\\.ts$))';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment:
        'Files that import each other load in an order that nobody chose. Move what both need into a third file.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-knows-no-one',
      comment:
        'The core is what TEM is without any feature, and layers build on it. Pass what it needs as an argument, or move the file to the layer that it belongs to.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { path: '^src/(features|features\\.ts|api|workers|workflows|activities|cli|services)' },
    },
    {
      name: 'features-never-meet',
      comment: 'Features meet through events (emit), never by import, so that each can be removed or run alone.',
      severity: 'error',
      from: { path: '^src/features/([^/]+)/' },
      to: { path: '^src/features/', pathNot: '^src/features/$1/' },
    },
    {
      name: 'features-through-the-front-door',
      comment:
        'A feature is entered only by its index.ts: export there what others may use (workflows: its workflows.ts).',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/features/' },
      to: { path: '^src/features/[^/]+/', pathNot: '^src/features/[^/]+/(index\\.ts$|workflows(/index)?\\.ts$)' },
    },
    {
      name: 'features-know-the-core-only',
      comment:
        'A feature uses src/core, src/settings.ts and src/config.ts (types); processes, workers and other routes are not its business. Ask for it through FeatureDependencies.',
      severity: 'error',
      from: { path: '^src/features/' },
      to: {
        path: '^src/(api|workers|cli|services|activities)/',
        pathNot: '^src/cli/(api-client|exit-codes|examples)\\.ts$',
      },
    },
    {
      name: 'only-the-catalog-names-features',
      comment:
        'src/features.ts is the list of features: take them from there (or as an argument), so that a new one is one line.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/features/', '^src/features\\.ts$', '^src/workflows/index\\.ts$'] },
      to: { path: '^src/features/' },
    },
    {
      name: 'api-and-workers-are-apart',
      comment: 'An API process and a worker process run on different machines; what both need belongs to src/core.',
      severity: 'error',
      from: { path: '^src/api/' },
      to: { path: '^src/(workers|activities)/' },
    },
    {
      name: 'workers-and-api-are-apart',
      comment:
        'A worker process has no API, and activities run without the worker that hosts them. Shared things belong to src/core.',
      severity: 'error',
      from: { path: '^src/(workers|activities)/' },
      to: { path: '^src/(api|workers|activities)/', pathNot: ['^src/$1/', '^src/activities/'] },
    },
    {
      name: 'layers-know-no-commands',
      comment: 'The command line starts the processes, not the other way round. Pass the value as an argument.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli|services)/' },
      to: { path: '^src/(cli|services)/' },
    },
    {
      name: 'workflows-stay-deterministic',
      comment:
        'A workflow is replayed: its files may use @temporalio/workflow, @temporalio/common, each other, pure files of the core, and types of anything (import type). Work with the outside is an activity.',
      severity: 'error',
      from: { path: WORKFLOW_FILES },
      to: {
        path: '.',
        pathNot: [WORKFLOW_FILES, PURE, 'node_modules/@temporalio/(workflow|common)/'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'pure-files-stay-pure',
      comment: 'Workflows import this file, so it may import nothing but types and other pure files.',
      severity: 'error',
      from: { path: PURE },
      to: { path: '.', pathNot: PURE, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'product-knows-no-tests',
      comment: 'What src needs must be in src: tests, benchmarks, examples and scripts are not shipped.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|examples|scripts)/' },
    },
    {
      name: 'product-uses-declared-dependencies',
      comment:
        "What src imports must be in package.json's dependencies: development dependencies are not installed in production.",
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'npm-optional'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'resolvable',
      comment: 'This import leads nowhere: correct the path, or add the package to package.json.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
    reporterOptions: { text: { highlightFocused: true } },
  },
};
