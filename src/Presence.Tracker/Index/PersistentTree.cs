namespace Presence.Tracker.Index;

/// <summary>Compares a search target with items.</summary>
internal interface IProbe<in T>
{
    /// <summary>Returns a negative number if the target precedes <paramref name="item"/>, zero if equal.</summary>
    int CompareTo(T item);
}

/// <summary>
/// A persistent sorted set: a B+ tree whose nodes are copied on their first change within an edit and changed in place
/// after that.
/// </summary>
/// <remarks>
/// A tree is immutable except for the owner of the edit that changed it last. The writer passes an
/// <see cref="EditToken"/> to each change and takes a new token when it publishes a version; changes before that copy
/// nothing twice. See Bagwell's transients and the B+ tree of Bayer and McCreight.
/// </remarks>
internal readonly struct PersistentTree<T>
    where T : class
{
    private readonly TreeNode<T>? _root;

    internal PersistentTree(TreeNode<T>? root) => _root = root;

    public int Count => _root?.Count ?? 0;

    /// <summary>Returns the item equal to the probe, or null.</summary>
    public T? Find<TProbe>(TProbe probe)
        where TProbe : struct, IProbe<T>
    {
        var node = _root;
        while (node is InnerNode<T> inner)
        {
            node = inner.Children[inner.ChildFor(probe)];
        }

        if (node is not LeafNode<T> leaf)
        {
            return null;
        }

        var at = leaf.LowerBound(probe);
        return at < leaf.Length && probe.CompareTo(leaf.Items[at]) == 0 ? leaf.Items[at] : null;
    }

    /// <summary>Gets the last item; null if there is none.</summary>
    public T? Last
    {
        get
        {
            var node = _root;
            while (node is InnerNode<T> inner)
            {
                node = inner.Children[inner.Length - 1];
            }

            return node is LeafNode<T> { Length: > 0 } leaf ? leaf.Items[leaf.Length - 1] : null;
        }
    }

    /// <summary>Adds the item or replaces the item equal to it.</summary>
    /// <returns>The new version.</returns>
    public PersistentTree<T> Set<TProbe>(T item, TProbe probe, EditToken edit)
        where TProbe : struct, IProbe<T>
    {
        if (_root is null)
        {
            return new(new LeafNode<T>(edit, [item], 1));
        }

        var (node, split) = _root.Set(item, probe, edit);
        return new(split is null ? node : new InnerNode<T>(edit, node, split));
    }

    /// <summary>Removes the item equal to the probe, if there is one.</summary>
    public PersistentTree<T> Remove<TProbe>(TProbe probe, EditToken edit)
        where TProbe : struct, IProbe<T>
    {
        var node = _root?.Remove(probe, edit);
        while (node is InnerNode<T> { Length: 1 } inner)
        {
            node = inner.Children[0];
        }

        return new(node is { Count: 0 } ? null : node);
    }

    /// <summary>Returns the first item that does not precede the probe; null if there is none.</summary>
    public T? First<TProbe>(TProbe probe)
        where TProbe : struct, IProbe<T>
    {
        var node = _root;
        TreeNode<T>? next = null;
        while (node is InnerNode<T> inner)
        {
            var child = inner.ChildFor(probe);
            next = child + 1 < inner.Length ? inner.Children[child + 1] : next;
            node = inner.Children[child];
        }

        if (node is LeafNode<T> leaf && leaf.LowerBound(probe) is var at && at < leaf.Length)
        {
            return leaf.Items[at];
        }

        while (next is InnerNode<T> inner)
        {
            next = inner.Children[0];
        }

        return next?.Low;
    }

    /// <summary>Enumerates from the first item that does not precede the probe.</summary>
    public Enumerator From<TProbe>(TProbe probe)
        where TProbe : struct, IProbe<T>
    {
        var e = new Enumerator(_root);
        e.SeekTo(probe);
        return e;
    }

    public Enumerator GetEnumerator()
    {
        var e = new Enumerator(_root);
        e.SeekToStart();
        return e;
    }

    /// <summary>Enumerates the leaves in order. A mutable struct: do not copy it.</summary>
    internal struct Enumerator
    {
        private readonly TreeNode<T>? _root;
        private (InnerNode<T> Node, int Child)[]? _path;
        private int _depth;
        private LeafNode<T>? _leaf;
        private int _at;

        internal Enumerator(TreeNode<T>? root)
        {
            _root = root;
            _at = -1;
        }

        public readonly T Current => _leaf!.Items[_at];

        internal void SeekToStart()
        {
            Descend(_root);
            _at = -1;
        }

        internal void SeekTo<TProbe>(TProbe probe)
            where TProbe : struct, IProbe<T>
        {
            var node = _root;
            while (node is InnerNode<T> inner)
            {
                var child = inner.ChildFor(probe);
                Push(inner, child);
                node = inner.Children[child];
            }

            _leaf = node as LeafNode<T>;
            _at = (_leaf?.LowerBound(probe) ?? 0) - 1;
        }

        public bool MoveNext()
        {
            if (_leaf is null)
            {
                return false;
            }

            if (++_at < _leaf.Length)
            {
                return true;
            }

            while (_depth > 0)
            {
                ref var top = ref _path![_depth - 1];
                if (++top.Child < top.Node.Length)
                {
                    Descend(top.Node.Children[top.Child]);
                    _at = 0;
                    return true;
                }

                _depth--;
            }

            _leaf = null;
            return false;
        }

        private void Descend(TreeNode<T>? node)
        {
            while (node is InnerNode<T> inner)
            {
                Push(inner, 0);
                node = inner.Children[0];
            }

            _leaf = node as LeafNode<T>;
        }

        private void Push(InnerNode<T> node, int child)
        {
            _path ??= new (InnerNode<T>, int)[8];
            if (_depth == _path.Length)
            {
                Array.Resize(ref _path, _depth * 2);
            }

            _path[_depth++] = (node, child);
        }
    }
}

/// <summary>Identifies one edit: nodes created with it may be changed in place by its owner.</summary>
internal sealed class EditToken;

/// <summary>The current edit of one writer of many trees.</summary>
internal sealed class Edit
{
    private EditToken _token = new();
    private bool _isUsed;

    /// <summary>Gets the token to change trees with.</summary>
    public EditToken Token
    {
        get
        {
            _isUsed = true;
            return _token;
        }
    }

    /// <summary>Ends the edit: nodes created with its token are immutable from now on.</summary>
    public void Close()
    {
        if (_isUsed)
        {
            _token = new();
            _isUsed = false;
        }
    }
}
