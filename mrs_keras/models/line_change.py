"""Features of spectra in which a relative change of the lines has the same length whatever their width and height.

In the time domain, lines of one shape are x(t) = exp(-i phi0 - (gamma + i eps) t - sigma^2 t^2) sum_j c_j m_j(t), so
relative changes, dx(t) / x(t), are linear in phi0, eps, gamma and sigma^2, while changes of the spectrum itself are
not: half way between two phases the nearest spectra have broader lines. The features, of a spectrum S, are

- x, the inverse Fourier transform of the window of S under a Hann taper, from the fourth point on, where polynomial
  baselines of low order have vanished. It is cut into bands of times; each band contributes ln ||x|| and x / ||x||, so
  that the squared length of a change is ||dx||^2 / ||x||^2, summed over bands. Bands in which an end of the path has
  decayed weigh less;
- x at negative times, where no line contributes: there the baseline is alone. Divided by how polynomials up to order 4
  decay there, and by the size of x.
"""
