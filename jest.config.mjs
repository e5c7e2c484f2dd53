export default {
  testEnvironment: './test/jestEnvironment.mjs',
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform: {
    '^.+\\.tsx?$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript', tsx: false }, target: 'es2022' },
        module: { type: 'es6' },
      },
    ],
  },
  roots: ['<rootDir>/src', '<rootDir>/annotate-ui', '<rootDir>/bench', '<rootDir>/test'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  // WebGPU on a software device compiles some kernels for half a minute, and several in one test.
  testTimeout: 180_000,
  maxWorkers: 2,
};
