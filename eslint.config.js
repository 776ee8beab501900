import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const banned = [
  { selector: 'ExportDefaultDeclaration', message: 'Export by name.' },
  { selector: 'TSEnumDeclaration', message: 'Use a union of string literals.' },
];

/** Names that come from outside find `constructor` and `__proto__` in every object, and bytes are lost as UTF-8. */
const bannedInSources = [
  {
    selector:
      "TSTypeReference[typeName.name='Record'][typeArguments.params.0.type='TSStringKeyword'], TSIndexSignature",
    message: 'Look up strings in a Map: an object has names of its own.',
  },
  { selector: "BinaryExpression[operator='in']", message: 'Use Object.hasOwn, or a Map.' },
  { selector: "Literal[value='utf8'], Literal[value='utf-8']", message: 'Bytes become text in src/bytes.ts alone.' },
];

export default tseslint.config(
  { ignores: ['node_modules/**', 'dist/**', 'build/**', 'data/**', 'native/**'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.check.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      'no-restricted-syntax': ['error', ...banned],
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/bytes.ts'],
    rules: { 'no-restricted-syntax': ['error', ...banned, ...bannedInSources] },
  },
  {
    // vitest looks for a default export.
    files: ['vitest.config.ts', 'eslint.config.js'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        performance: 'readonly',
        setTimeout: 'readonly',
        Buffer: 'readonly',
      },
    },
  },
);
