import matplotlib.pyplot as plt
import seaborn as sns

sns.set_theme()


def bars(values, filename):
    plt.figure()
    sns.barplot(x=list(range(len(values))), y=values)
    plt.savefig(filename)
    plt.show()


def show_map(pictures, filename):
    rows, columns = pictures.shape[:2]
    plt.figure(figsize=(9, 9))
    plt.imshow(pictures.permute(0, 2, 1, 3).reshape(rows * 28, columns * 28), cmap="magma")
    plt.axis("off")
    plt.savefig(filename)
    plt.show()
