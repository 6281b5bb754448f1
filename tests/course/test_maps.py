"""Maps of embeddings: new vectors find their place."""

import numpy as np

from mmaml_lite.course.studies import maps

RNG = np.random.default_rng(0)
CLUSTERS = np.concatenate([RNG.normal(c, 0.3, size=(40, 8)) for c in (-3, 0, 3)])


def test_a_new_vector_lands_among_its_own_kind():
    for drawn in (maps.tsne(CLUSTERS, seed=1), maps.pca(CLUSTERS)):
        place = drawn.place(np.full((1, 8), 3.0))[0]
        nearest = np.linalg.norm(drawn.points - place, axis=1).argmin()
        assert nearest >= 80, drawn.kind


def test_pca_places_its_own_points_exactly():
    drawn = maps.pca(CLUSTERS)
    np.testing.assert_allclose(drawn.place(CLUSTERS[5:9]), drawn.points[5:9])


def test_the_same_seed_gives_the_same_map():
    np.testing.assert_array_equal(maps.tsne(CLUSTERS, 2).points, maps.tsne(CLUSTERS, 2).points)


def test_a_turned_mirrored_and_moved_map_is_turned_back():
    points = RNG.normal(size=(30, 2))
    turn = np.array([[0.6, 0.8], [0.8, -0.6]])  # a mirror too
    np.testing.assert_allclose(maps.turned_onto(points @ turn + 3, points), points, atol=1e-9)
