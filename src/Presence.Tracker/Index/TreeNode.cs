namespace Presence.Tracker.Index;

/// <summary>A node of <see cref="PersistentTree{T}"/>.</summary>
internal abstract class TreeNode<T>(EditToken edit)
    where T : class
{
    /// <summary>Maximum items of a leaf or children of an inner node: a few cache lines.</summary>
    protected const int Width = 32;

    /// <summary>Maximum items of a node in a bulk-built tree, which leaves some spare capacity.</summary>
    private const int Filled = Width - 4;

    /// <summary>Below this a node is joined with a neighbour if both fill at most three quarters.</summary>
    protected const int Thin = Width / 4;

    /// <summary>Spare capacity of a new leaf.</summary>
    protected const int Spare = 4;

    /// <summary>Gets the edit that may change this node in place.</summary>
    protected EditToken Edit { get; } = edit;

    public abstract int Count { get; }

    /// <summary>Gets the number of items or children in this node.</summary>
    public int Length { get; protected set; }

    /// <summary>Gets the lowest item of a new node, which separates it from its left neighbour.</summary>
    public abstract T Low { get; }

    public abstract (TreeNode<T> Node, TreeNode<T>? Split) Set<TProbe>(T item, TProbe probe, EditToken edit)
        where TProbe : struct, IProbe<T>;

    /// <summary>Returns the node without the item; itself if the item does not exist.</summary>
    public abstract TreeNode<T> Remove<TProbe>(TProbe probe, EditToken edit)
        where TProbe : struct, IProbe<T>;

    /// <summary>Builds a tree of ascending items.</summary>
    public static TreeNode<T> Build(ReadOnlySpan<T> ascending, EditToken edit)
    {
        var nodes = new TreeNode<T>[Parts(ascending.Length)];
        for (var i = 0; i < nodes.Length; i++)
        {
            var items = ascending[Range(i, nodes.Length, ascending.Length)].ToArray();
            nodes[i] = new LeafNode<T>(edit, items, items.Length);
        }

        while (nodes.Length > 1)
        {
            var below = nodes;
            nodes = new TreeNode<T>[Parts(below.Length)];
            for (var i = 0; i < nodes.Length; i++)
            {
                nodes[i] = new InnerNode<T>(edit, below[Range(i, nodes.Length, below.Length)]);
            }
        }

        return nodes[0];
    }

    /// <summary>Joins this node and its right neighbour, whose items start at <paramref name="low"/>.</summary>
    public abstract TreeNode<T> Join(TreeNode<T> right, T low, EditToken edit);

    private static int Parts(int length) => (length + Filled - 1) / Filled;

    private static Range Range(int part, int parts, int length) =>
        (int)((long)part * length / parts)..(int)((part + 1L) * length / parts);

    protected static TItem[] Inserted<TItem>(ReadOnlySpan<TItem> from, int at, TItem item, int room)
    {
        var to = new TItem[Math.Min(Width, room)];
        from[..at].CopyTo(to);
        to[at] = item;
        from[at..].CopyTo(to.AsSpan(at + 1));
        return to;
    }

    protected static TItem[] Removed<TItem>(TItem[] from, int length, int at)
    {
        var to = new TItem[Math.Max(1, length - 1)];
        Array.Copy(from, to, at);
        Array.Copy(from, at + 1, to, at, length - at - 1);
        return to;
    }
}

internal sealed class LeafNode<T> : TreeNode<T>
    where T : class
{
    public LeafNode(EditToken edit, T[] items, int length)
        : base(edit)
    {
        Items = items;
        Length = length;
    }

    public T[] Items { get; private set; }

    public override int Count => Length;

    public override T Low => Items[0];

    public int LowerBound<TProbe>(TProbe probe)
        where TProbe : struct, IProbe<T>
    {
        int low = 0, high = Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (probe.CompareTo(Items[middle]) > 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    public override (TreeNode<T> Node, TreeNode<T>? Split) Set<TProbe>(T item, TProbe probe, EditToken edit)
    {
        var at = LowerBound(probe);
        if (at < Length && probe.CompareTo(Items[at]) == 0)
        {
            var same = Edit == edit ? this : new LeafNode<T>(edit, Items.AsSpan(0, Length).ToArray(), Length);
            same.Items[at] = item;
            return (same, null);
        }

        if (Length == Width)
        {
            return Split(item, at, edit);
        }

        if (Edit != edit)
        {
            // Spare capacity lets the next change of the same edit be made in place.
            var room = Length + (Length < Spare ? 1 : Spare);
            return (new LeafNode<T>(edit, Inserted<T>(Items.AsSpan(0, Length), at, item, room), Length + 1), null);
        }

        if (Length == Items.Length)
        {
            // Changes of one edit are often adjacent, so more are likely here.
            Items = Inserted<T>(Items.AsSpan(0, Length), at, item, Length + Math.Max(Spare, Length));
        }
        else
        {
            Array.Copy(Items, at, Items, at + 1, Length - at);
            Items[at] = item;
        }

        Length++;
        return (this, null);
    }

    public override TreeNode<T> Remove<TProbe>(TProbe probe, EditToken edit)
    {
        var at = LowerBound(probe);
        if (at == Length || probe.CompareTo(Items[at]) != 0)
        {
            return this;
        }

        if (Edit != edit)
        {
            return new LeafNode<T>(edit, Removed(Items, Length, at), Length - 1);
        }

        Array.Copy(Items, at + 1, Items, at, Length - at - 1);
        Items[--Length] = null!;
        return this;
    }

    public override TreeNode<T> Join(TreeNode<T> right, T low, EditToken edit)
    {
        var other = (LeafNode<T>)right;
        var items = new T[Length + other.Length];
        Array.Copy(Items, items, Length);
        Array.Copy(other.Items, 0, items, Length, other.Length);
        return new LeafNode<T>(edit, items, items.Length);
    }

    private (TreeNode<T> Node, TreeNode<T>? Split) Split(T item, int at, EditToken edit)
    {
        // Growing keys (the common order of ids) fill their leaves instead of leaving half-empty ones.
        var half = at == Width ? Width - 1 : Width / 2;
        ReadOnlySpan<T> items = Items.AsSpan(0, Width);
        var lower = items[..half];
        var upper = items[half..];
        return at <= half && at < Width
            ? (new LeafNode<T>(edit, Inserted(lower, at, item, half + (2 * Spare)), half + 1),
                new LeafNode<T>(edit, upper.ToArray(), upper.Length))
            : (new LeafNode<T>(edit, lower.ToArray(), half),
                new LeafNode<T>(edit, Inserted(upper, at - half, item, upper.Length + (2 * Spare)), upper.Length + 1));
    }
}
