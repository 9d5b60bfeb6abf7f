/**
 * Grammars over tokens: answers that are JSON, follow a schema, call a tool.
 *
 * @module
 */
export { Grammar } from "./grammar.ts";
export { GrammarConstraint, type GrammarConstraintOptions } from "./grammar_constraint.ts";
export { anyObject, anyValue } from "./json_rules.ts";
export { schemaRule } from "./json_schema.ts";
export { choice, type Reference, type Repetition, type Rule, sequence, text } from "./rules.ts";
export { TriggeredConstraint, type TriggeredConstraintOptions } from "./triggered_constraint.ts";
export { TokenTrie } from "./token_trie.ts";
