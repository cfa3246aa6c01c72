import matplotlib
import matplotlib.pyplot as plot
import networkx
import numpy
import scipy.optimize
import sympy

x = sympy.Symbol("x")
figure, axes = plot.subplots()
axes.plot([0, 1], [1, 0])
figure.savefig("plot.png")
print(
    matplotlib.get_backend().lower(),
    numpy.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 4.0]).tolist(),
    sympy.integrate(2 * x, x),
    networkx.shortest_path_length(networkx.path_graph(5), 0, 4),
    round(scipy.optimize.brentq(lambda y: y * y - 4, 0, 9), 6),
    open("plot.png", "rb").read(4)[1:4].decode(),
)
