// Who may import whom: docs/architecture.md in rules. Downwards only; everyone may import core.
const test = '\\.test\\.ts$';
/** `folder` may import, among our own folders, only itself, core and those listed. */
const only = (folder, ...allowed) => ({
  name: `${folder.replaceAll('/', '-')}-walls`,
  severity: 'error',
  from: { path: `^${folder}/`, pathNot: test },
  to: { path: '^(src|annotate-ui|bench|test)/', pathNot: [folder, 'src/core', ...allowed].map((name) => `^${name}/`) },
});

/** What each of the phases sft, reward and ppo may import; never one another. */
const phaseMay = ['src/store', 'src/stats', 'src/tokens', 'src/engine', 'src/model', 'src/generate', 'src/training'];

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'tensorflow-only-in-engine',
      severity: 'error',
      from: { path: '^(src|annotate-ui|bench)/', pathNot: '^src/engine/' },
      to: { path: 'node_modules/@tensorflow/' },
    },
    {
      name: 'no-undeclared-package',
      severity: 'error',
      from: { pathNot: test },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^(@tensorflow/tfjs-node-gpu|webgpu)$' },
    },
    only('src/core'),
    only('src/stats'),
    only('src/store'),
    only('src/tokens'),
    only('src/hub'),
    only('src/engine'),
    only('src/model', 'src/engine'),
    only('src/generate', 'src/engine', 'src/model', 'src/tokens'),
    only('src/serve', 'src/generate', 'src/tokens', 'src/model'),
    only('src/judge', 'src/generate', 'src/tokens', 'src/stats'),
    only(
      'src/evaluate',
      'src/judge',
      'src/generate',
      'src/model',
      'src/tokens',
      'src/engine',
      'src/stats',
      'src/store',
    ),
    only('src/training', 'src/store', 'src/engine', 'src/model'),
    only('src/sft', ...phaseMay),
    only('src/reward', ...phaseMay),
    only('src/ppo', ...phaseMay),
    only('src/labels', 'src/store'),
    only('annotate-ui/server', 'src/stats', 'src/store', 'src/labels'),
    {
      name: 'web-imports-types-of-core-only',
      severity: 'error',
      from: { path: '^annotate-ui/web/', pathNot: test },
      to: { path: '^(src|annotate-ui/server|bench)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'demo-is-the-demos-own',
      comment: 'The simulated panel knows the gold utility: nothing but the demo command may see it.',
      severity: 'error',
      from: { pathNot: '^src/(demo|cli)/|\\.test\\.ts$' },
      to: { path: '^src/demo/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/|src/engine/wasm/assembly/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'],
    },
  },
};
