/**
 * How likely tokens were, in the two forms that OpenAI has.
 *
 * @module
 */
import type { LikelyToken, TokenLogprobs } from "../../core/chat_events.ts";

/** The `logprobs` of a chat's choice; null where they were not asked for. */
export function chatLogprobs(tokens: readonly TokenLogprobs[] | undefined): object | null {
  return tokens === undefined ? null : { content: tokens.map(tokenLogprobs), refusal: null };
}

/** A token, how likely it was, and what else was likely in its place. */
export function tokenLogprobs({ topLogprobs, ...token }: TokenLogprobs): object {
  return { ...plain(token), top_logprobs: topLogprobs.map(plain) };
}

function plain({ id, token, bytes, logprob }: LikelyToken) {
  return { id, token, bytes, logprob };
}

/** The `logprobs` of a text's choice, whose tokens begin at `offset` of the text; null where they were not asked for. */
export function textLogprobs(tokens: readonly TokenLogprobs[] | undefined, offset = 0): object | null {
  if (tokens === undefined) return null;
  const starts = tokens.reduce((places, { token }) => [...places, places.at(-1)! + token.length], [offset]);
  return {
    tokens: tokens.map(({ token }) => token),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(({ topLogprobs }) =>
      Object.fromEntries(topLogprobs.map(({ token, logprob }) => [token, logprob]))
    ),
    text_offset: starts.slice(0, -1),
  };
}
