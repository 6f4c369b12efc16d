// The rules of eslint for src/explore/page: the recommended ones and a few more.

import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    // Its functions are called by name, from Python.
    files: ["tests/explore/acts.js"],
    languageOptions: { sourceType: "script", globals: globals.browser },
    rules: { "no-unused-vars": "off" },
  },
  {
    files: ["src/explore/page/*.js"],
    languageOptions: { ecmaVersion: 2022, sourceType: "module", globals: globals.browser },
    rules: {
      eqeqeq: "error",
      "max-len": ["error", 100],
      "no-var": "error",
      "prefer-const": "error",
      "no-shadow": "error",
      "object-shorthand": "error",
    },
  },
];
