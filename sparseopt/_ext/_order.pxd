"""Order statistics."""


cdef inline double smallest(double* values, Py_ssize_t count, Py_ssize_t wanted) noexcept nogil:
    """Return the largest of the `wanted` smallest values, which change places."""
    cdef Py_ssize_t low = 0, high = count - 1, i, j
    cdef double pivot, swap
    wanted -= 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                swap = values[i]
                values[i] = values[j]
                values[j] = swap
                i += 1
                j -= 1
        if wanted <= j:
            high = j
        elif wanted >= i:
            low = i
        else:
            break
    return values[wanted]
