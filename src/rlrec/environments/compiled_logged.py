"""Real people as a TensorFlow graph: the states and answers of training users, compiled, for training.

`rlrec.environments.logged` with `Sessions` is the reference; a test plays the same slates through both. Nothing is
drawn but who sits there, and of sessions that continue, at which moment. What is seen at a moment is compiled for
`recent`; for other observations the reference works it out beforehand, at moments that are evenly spread.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
import tensorflow as tf

from rlrec.environments.lately import COUNTS, HALF_LIVES
from rlrec.environments.logged import EARLIEST, LATEST, NEXT, UNRATED, check_slates, known_at, logged_in
from rlrec.environments.observations import OBSERVATIONS
from rlrec.metrics.stars import CLICK_THRESHOLD, HIGHEST_RATING
from rlrec.settings.config import ScenarioConfig
from rlrec.settings.sections import Reward
from rlrec.worlds.answering import BESIDE
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

Tensor = Any

_SHORTEST = 1e-6
_BEFOREHAND, _TOGETHER = 2048, 64
"""Moments at which it is worked out beforehand what is seen, about, and how many at a time."""


class Log:
    """The logs of training users as tensors, and the movies as an agent knows them, padded to whole blocks."""

    def __init__(self, world: World, scenario: ScenarioConfig, block: int) -> None:
        """Takes the training users who rated two movies or more.

        Raises:
            WorldError: there is none, or the world cannot give the features.
        """
        knowledge = Knowledge.of(world)
        users = logged_in(world, "train", at_least=2)
        self.users, self.histories = users, [world.history(user) for user in users.tolist()]
        histories, lengths = self.histories, np.array([len(one.movies) for one in self.histories], np.int32)
        self.longest = int(lengths.max())
        self.n_movies = world.n_movies
        self.padded = -(-world.n_movies // block) * block
        features = knowledge.representation(scenario.features).features
        self.features = tf.constant(np.pad(features, ((0, self.padded - world.n_movies), (0, 0))))  # (M, F)
        self.lengths = tf.constant(lengths)
        self.demographics = tf.constant(world.demographics[users])
        self._starts = tf.constant(np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int32))
        self._movies = tf.constant(np.concatenate([history.movies for history in histories]).astype(np.int32))
        self._stars = tf.constant(np.concatenate([history.stars for history in histories]))
        self.exists = tf.cast(tf.range(self.padded) < self.n_movies, tf.float32)  # (M,)

    def of(self, users: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Movies and stars `(B, L)` of these users `(B,)` in order of time, and which entries are no padding."""
        place = tf.range(self.longest)[None]
        inside = place < tf.gather(self.lengths, users)[:, None]
        rows = tf.where(inside, tf.gather(self._starts, users)[:, None] + place, 0)
        return tf.gather(self._movies, rows), tf.gather(self._stars, rows), inside

    def by_movie(self, movies: Tensor, values: Tensor) -> Tensor:
        """`(B, M)`: the values `(B, L)` of movies `(B, L)`, added up."""
        rows = tf.tile(tf.range(movies.shape[0])[:, None], (1, movies.shape[1]))
        places = tf.stack([rows, movies], axis=-1)
        return tf.tensor_scatter_nd_add(tf.zeros((movies.shape[0], self.padded)), places, values)


def worth(stars: Tensor, kind: Reward) -> Tensor:
    """What answers are worth, from 0 to 1: `rlrec.worlds.dynamics.worth` over five."""
    if kind == "rating":
        return stars / HIGHEST_RATING
    return tf.cast(stars > (CLICK_THRESHOLD if kind == "liked" else 0), tf.float32)


class Moment(NamedTuple):
    """B sessions that continue, at their only step."""

    states: Tensor  # (B, S) what is observed
    available: Tensor  # (B, M) 1.0 where a movie may be shown
    gains: Tensor  # (B, M) from 0 to 1, what showing it is worth


class Moments:
    """Draws training users, and moments at which their sessions are continued."""

    def __init__(
        self, world: World, scenario: ScenarioConfig, block: int, ranks: Literal["catalogue", "rated"] = "catalogue"
    ) -> None:
        """Prepares a world.

        Args:
            world: whose training users are drawn.
            scenario: what is observed, and what an answer is worth.
            block: movies are padded to a multiple of it.
            ranks: what may be shown: all that the history leaves, or only what was rated next.

        Raises:
            WorldError: see `Log`; or somebody's history leaves too few movies for a slate.
        """
        self.log, self._reward, self._rated_only = Log(world, scenario, block), scenario.reward, ranks == "rated"
        check_slates(world.n_movies, max(int(LATEST * self.log.longest), 1), scenario.slate_size)
        self.state_size = OBSERVATIONS[scenario.observation].size(Knowledge.of(world), scenario)
        self._begun = None if scenario.observation == "recent" else _beforehand(self.log, world, scenario)

    def draw(self, batch: int, seed: Tensor) -> Moment:
        """B of them; `seed` is `(2,)` int32."""
        log = self.log
        uniforms = tf.random.stateless_uniform((2, batch), seed)
        if self._begun is not None:
            rows = tf.cast(uniforms[0] * self._begun.users.shape[0], tf.int32)
            users, known, states = (tf.gather(part, rows) for part in self._begun)
            return self.at(users, known, known + _next(tf.gather(log.lengths, users)), states)
        users = tf.cast(uniforms[0] * log.lengths.shape[0], tf.int32)
        lengths = tf.gather(log.lengths, users)
        share = tf.cast(lengths, tf.float32)
        known = tf.cast(share * (EARLIEST + (LATEST - EARLIEST) * uniforms[1]), tf.int32)
        known = tf.clip_by_value(known, 1, lengths - 1)
        return self.at(users, known, known + _next(lengths))

    def at(self, users: Tensor, known: Tensor, until: Tensor, states: Tensor | None = None) -> Moment:
        """Sessions of users `(B,)`, who rated `known` movies before; those up to the one numbered `until` come next.

        Where `states` `(B, S)` are absent, they are those of `recent`.
        """
        log, place = self.log, tf.range(self.log.longest)[None]
        movies, stars, inside = log.of(users)
        past, future = place < known[:, None], inside & (place >= known[:, None]) & (place < until[:, None])
        if states is None:
            states = self._recent(movies, stars, past, known)
        gains = log.by_movie(movies, tf.where(future, worth(stars, self._reward), 0.0))
        if self._rated_only:
            return Moment(states, log.by_movie(movies, tf.cast(future, tf.float32)), gains)
        seen = log.by_movie(movies, tf.cast(past, tf.float32))
        return Moment(states, log.exists * (1 - tf.minimum(seen, 1.0)), gains)

    def _recent(self, movies: Tensor, stars: Tensor, past: Tensor, known: Tensor) -> Tensor:
        """`(B, S)`, see `rlrec.environments.lately.RecentHistory`."""
        place = tf.range(self.log.longest)[None]
        age = tf.cast(tf.maximum(known[:, None] - 1 - place, 0), tf.float32)
        weights = tf.where(past[:, :, None], tf.pow(2.0, -age[:, :, None] / HALF_LIVES), 0.0)  # (B, L, H)
        liked = (stars > CLICK_THRESHOLD)[:, :, None]
        parts = tf.concat([tf.where(liked, weights, 0.0), tf.where(liked, 0.0, weights)], axis=2)
        sums = tf.einsum("blh,blf->bhf", parts, tf.gather(self.log.features, movies))
        sums /= tf.maximum(tf.norm(sums, axis=2, keepdims=True), _SHORTEST)
        counts = tf.reduce_sum(tf.cast(past[:, :, None] & tf.concat([liked, ~liked], axis=2), tf.float32), axis=1)
        return tf.concat([tf.reshape(sums, (sums.shape[0], -1)), tf.math.log1p(counts) / COUNTS], axis=1)


class _Begun(NamedTuple):
    """Moments of which it is known beforehand what is seen."""

    users: Tensor  # (M,) int32, as numbered in the log
    known: Tensor  # (M,) int32
    states: Tensor  # (M, S)


def _beforehand(log: Log, world: World, scenario: ScenarioConfig) -> _Begun:
    """Of every user as many moments, evenly spread over the log."""
    each, lengths = max(1, _BEFOREHAND // len(log.users)), log.lengths.numpy().astype(np.int64)
    shares = EARLIEST + (LATEST - EARLIEST) * (np.arange(each) + 0.5) / each
    rows = np.tile(np.arange(len(lengths)), each)
    known = known_at(lengths[rows], np.repeat(shares, len(lengths)))
    order = np.argsort(known, kind="stable")  # what is worked out together is about as long
    rows, known, states = rows[order], known[order], []
    for part in np.array_split(np.arange(len(rows)), -(-len(rows) // _TOGETHER)):
        movies = np.zeros((len(part), known[part].max()), np.int64)
        stars = np.full(movies.shape, UNRATED, np.float32)
        for place, (row, count) in enumerate(zip(rows[part].tolist(), known[part].tolist(), strict=True)):
            movies[place, :count], stars[place, :count] = (of[:count] for of in log.histories[row])
        told = OBSERVATIONS[scenario.observation](
            Knowledge.of(world), world.demographics[log.users[rows[part]]], scenario
        )
        told.add(movies, stars)
        states.append(told.observe())
    return _Begun(
        *(tf.constant(one) for one in (rows.astype(np.int32), known.astype(np.int32), np.concatenate(states)))
    )


def _next(lengths: Tensor) -> Tensor:
    """`(B,)` int32, how many of so many ratings come next."""
    return tf.maximum(tf.cast(NEXT * tf.cast(lengths, tf.float32), tf.int32), 1)


class ColdSession(NamedTuple):
    """State of B sessions that begin with nothing."""

    stars: Tensor  # (B, M) what is answered; 0 where it is nothing
    available: Tensor  # (B, M) 1.0 where a movie may be shown
    demographics: Tensor  # (B, 4)
    step: Tensor  # () int32
    clicks: Tensor  # (B,)
    rewards: Tensor  # (B,) sum so far
    belief: Tensor  # (B, R) float64
    covariance: Tensor  # (B, R, R) float64


class ColdSimulation:
    """Cold sessions of training users; the same functions as `rlrec.environments.compiled.Simulation` has."""

    noise = 0.0

    def __init__(self, world: World, scenario: ScenarioConfig, block: int) -> None:
        """Prepares a world.

        Raises:
            WorldError: see `Log`.
        """
        self.scenario, self._log = scenario, Log(world, scenario, block)
        self.n_movies, self.padded, self.features = self._log.n_movies, self._log.padded, self._log.features
        prior = Knowledge.of(world).answers(scenario.reward)
        self._vectors = tf.constant(np.pad(prior.vectors, ((0, self.padded - self.n_movies), (0, 0))))
        self._beside, self._share = tf.constant(prior.beside), tf.constant(prior.share)
        self._covariance, self._noise = tf.constant(prior.covariance), tf.constant(prior.noise)
        self._means = tf.constant(prior.mean(self._log.demographics.numpy()))
        self.state_size = OBSERVATIONS[scenario.observation].size(Knowledge.of(world), scenario)

    def start(self, batch: int, seed: Tensor) -> ColdSession:
        """B new sessions of users drawn from the training pool; `seed` is `(2,)` int32."""
        size = self._log.lengths.shape[0]
        return self.start_with(tf.random.stateless_uniform((batch,), seed, maxval=size, dtype=tf.int32))

    def start_with(self, users: Tensor) -> ColdSession:
        """New sessions of these users `(B,)`, as they are numbered in the log."""
        batch = users.shape[0]
        movies, stars, inside = self._log.of(users)
        return ColdSession(
            stars=self._log.by_movie(movies, tf.where(inside, stars, 0.0)),
            available=tf.tile(self._log.exists[None], (batch, 1)),
            demographics=tf.gather(self._log.demographics, users),
            step=tf.zeros((), tf.int32),
            clicks=tf.zeros(batch),
            rewards=tf.zeros(batch),
            belief=tf.gather(self._means, users),
            covariance=tf.tile(self._covariance[None], (batch, 1, 1)),
        )

    def observe(self, session: ColdSession) -> Tensor:
        """`(B, S)`, see `rlrec.environments.lately.AnswerHistory`."""
        deviation = tf.sqrt(tf.maximum(tf.linalg.diag_part(session.covariance), 0))
        believed = tf.cast(tf.concat([session.belief, deviation], axis=1), tf.float32)
        progress = tf.cast(session.step, tf.float32) / self.scenario.episode_length
        return tf.concat([believed, session.demographics, tf.fill((believed.shape[0], 1), progress)], axis=1)

    def expected_reward(self, session: ColdSession) -> Tensor:
        """`(B, M)`, what answers are expected to be worth, in stars."""
        return self.expected_of(self.believed(session))

    def believed(self, session: ColdSession) -> Tensor:
        """`(B, R)` float64, as much of what is believed as `expected_of` needs, to be kept for later."""
        return session.belief

    def expected_of(self, believed: Tensor) -> Tensor:
        """`(B, M)`, `expected_reward` of the sessions of which this was believed."""
        return HIGHEST_RATING * tf.cast(tf.matmul(believed, self._vectors, transpose_b=True), tf.float32)

    def rewards(self, slates: Tensor, ratings: Tensor) -> Tensor:
        """`(B, K)`, what each position of slates with these answers is worth; a slate's reward is their mean."""
        return worth(ratings, self.scenario.reward)

    def transition(
        self, session: ColdSession, slates: Tensor, available: Tensor, luck: Tensor | None = None
    ) -> tuple[ColdSession, Tensor, Tensor]:
        """Shows `(B, K)` int32 slates; see `rlrec.environments.compiled.Simulation.transition`."""
        stars = tf.gather(session.stars, slates, axis=1, batch_dims=1)
        answers, beside = (worth(stars, kind) for kind in (self.scenario.reward, BESIDE[self.scenario.reward]))
        rewards = tf.reduce_mean(answers, axis=1)
        clicks = tf.reduce_mean(tf.cast(stars > CLICK_THRESHOLD, tf.float32), axis=1)
        believed = session.belief, session.covariance
        for k in range(slates.shape[1]):
            movies, answer = slates[:, k], tf.cast(answers[:, k], tf.float64)
            noise = tf.gather(self._noise, movies)
            believed = _learn(*believed, answer, tf.gather(self._vectors, movies), noise[:, 0])
            other = tf.cast(beside[:, k], tf.float64) - tf.gather(self._share, movies) * answer
            believed = _learn(*believed, other, tf.gather(self._beside, movies), noise[:, 1])
        after = session._replace(
            available=available,
            step=session.step + 1,
            clicks=session.clicks + clicks,
            rewards=session.rewards + rewards,
            belief=believed[0],
            covariance=believed[1],
        )
        return after, stars, rewards


def _learn(mean: Tensor, covariance: Tensor, reading: Tensor, vectors: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Bayes' rule for one reading of each answer, see `rlrec.environments.answer_belief`."""
    projected = tf.einsum("bij,bj->bi", covariance, vectors)
    spread = tf.einsum("bi,bi->b", projected, vectors) + noise
    error = reading - tf.einsum("bi,bi->b", mean, vectors)
    after = covariance - projected[:, :, None] * (projected / spread[:, None])[:, None, :]
    return mean + projected * (error / spread)[:, None], after
